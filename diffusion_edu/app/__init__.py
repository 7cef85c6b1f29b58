"""What two pages share: the frame, the model picker, background walks, the player with its animations and charts, the microscope."""
