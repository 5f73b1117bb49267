"""Models with scores, at sources with declared speeds: one is dominated, one has no score."""

HOSTED = """
[models.large]
quality.code = { score = 71.2, margin = 1.5, of = "our evaluation" }
[models.old]
quality.code = { score = 58.0, margin = 1.0, of = "our evaluation" }
[models.unscored]

[sources.hosted]
kind = "api"
url = "https://api.example.com/v1"
[sources.hosted.serves.large]
expected_ttft = "400ms"
expected_speed = 90.0
prices = [{ since = 2026-01-01, input = "0.60", output = "0.80" }]
[sources.hosted.serves.old]
expected_ttft = "900ms"
expected_speed = 12.0
prices = [{ since = 2026-01-01, input = "0.70", output = "0.90" }]
[sources.hosted.serves.unscored]
expected_ttft = "900ms"
expected_speed = 12.0
"""
SECOND = """
[sources.second]
kind = "api"
url = "https://second.example.com/v1"
[sources.second.serves.large]
expected_ttft = "300ms"
expected_speed = 60.0
prices = [{ since = 2026-01-01, input = "0.90", output = "0.80" }]
"""
