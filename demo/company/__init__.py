"""The invented company «Горизонт»: who works there, what it sells and what happens to it, day by day."""
