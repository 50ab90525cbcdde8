"""Testing with telephony: pytest fixtures, and a suite that every adapter must pass."""
