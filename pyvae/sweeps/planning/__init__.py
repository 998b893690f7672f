"""What is to be run: from a sweep's file to cells, and cells to those that are trained together."""
