"""The addresses that Mayfly answers, one module for each kind of them."""
