"""What every copier of trees keeps to, inside a sandbox and outside: its rules, its tally, its removals."""
