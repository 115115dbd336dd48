from exports.admin import configurations, runs

__all__ = ["configurations", "runs"]
