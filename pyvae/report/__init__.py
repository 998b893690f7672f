"""How any study is told: the parts of a page, answers, statistics over seeds."""
