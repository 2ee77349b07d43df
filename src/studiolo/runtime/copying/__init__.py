"""Engines that move bytes between projects."""
