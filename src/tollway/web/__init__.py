"""What people look at: pages of one file each, which ask nobody for anything."""
