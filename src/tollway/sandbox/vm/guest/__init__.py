"""What runs inside the machine: standard library only, copied into the root image by the build."""
