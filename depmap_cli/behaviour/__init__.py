"""From readings of every sampled frame to facial behaviour: events, rates, summaries, traces."""
