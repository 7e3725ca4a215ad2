"""FewShotEvaluator: it evaluates models on frozen episodes, decides on the blessing and writes a report."""
