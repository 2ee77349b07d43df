"""What every layer may use: settings, errors, models, clock, secrets, paths, log."""
