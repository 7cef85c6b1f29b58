"""What two pages share: the frame, the model picker, background walks, the player, the microscope."""
