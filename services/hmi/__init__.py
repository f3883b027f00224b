"""What people touch and see: card readers, lights, display."""
