"""May a calibration be trusted: tests, rules, figures."""
