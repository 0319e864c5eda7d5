"""From a job and what a provider can do to a plan. Pure: nothing is read or sent."""
