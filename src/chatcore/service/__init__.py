"""Services: one file per noun. Each action is check -> hook -> transaction -> event -> publish."""
