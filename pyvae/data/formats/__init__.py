"""What the readers of files share: where a file is published, arrays that are mapped or unpacked, pictures."""
