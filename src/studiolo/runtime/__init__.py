"""What touches running projects: runners, the channel to agents, copy engines, the privileged keeper."""
