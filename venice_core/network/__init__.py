"""Requests, responses, retries and downloads."""
