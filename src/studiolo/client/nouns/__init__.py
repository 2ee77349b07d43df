"""One module for each noun of the API, written by `make client`."""
