"""Earlier versions are killed in mid-delivery, and today's goes on with what they leave."""
