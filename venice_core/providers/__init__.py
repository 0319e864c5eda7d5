"""The services: what each can do, how it is asked, and what its refusals mean."""
