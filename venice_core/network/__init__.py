"""Requests, answers, retries and downloads."""
