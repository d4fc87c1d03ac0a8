"""What must hold before models go live: the gates behind them, what they answer in time, and who approved."""
