"""What a framed document asks of the hub: the shell page, opening, rendering, the frame for active outputs."""
