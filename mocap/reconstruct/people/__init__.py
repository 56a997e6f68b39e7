"""Who is who: people followed through all views and over time."""
