"""The service on this machine, with a stand-in for user-service, to try it out."""
