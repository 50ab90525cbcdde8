"""The one HTTP transport: connections, deadlines, rate limits and retries."""
