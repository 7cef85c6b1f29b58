"""What two pages share: the frame, the model picker, background walks, the player with its films and charts, the microscope."""
