"""A folder of real files, run through what the server does with an upload: `make corpus FOLDER=…`."""
