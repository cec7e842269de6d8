"""How fast this client is, beside a bare loop and the clients that other generators make: `make bench`."""
