# What nobody has deleted goes by itself.
resource "aws_s3_bucket_lifecycle_configuration" "staging" {
  count = length(aws_s3_bucket.staging)

  bucket = aws_s3_bucket.staging[0].id

  rule {
    id     = "expire"
    status = "Enabled"

    filter {
      prefix = "${var.staging_prefix}/"
    }

    expiration {
      days = var.staging_expiry_days
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "staging" {
  count = length(aws_s3_bucket.staging)

  bucket = aws_s3_bucket.staging[0].id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}
