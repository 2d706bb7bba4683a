"""What the DAGs announce to each other and to the DAGs of other teams."""

from airflow.sdk import Asset

# One event per published business date, with the business date (2026-01-31) as its partition key.
PUBLISHED_DATE = Asset(name="published_business_date", uri="postloan://serving/business_date")
# One event per sealed month, with the month (2026-01) as its partition key.
CLOSED_MONTH = Asset(name="closed_month", uri="postloan://serving/month")
