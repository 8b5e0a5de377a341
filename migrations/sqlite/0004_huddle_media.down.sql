DROP TABLE recordings;
DROP TABLE huddle_pins;
