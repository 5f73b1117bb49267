"""The console: live pages of one gateway for people, served by a process of its own."""
