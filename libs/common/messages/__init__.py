"""What a message is, which states it may pass through, and the rules about it that more than one service needs."""
