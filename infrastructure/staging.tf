# Where build contexts lie between upload and build.

resource "aws_s3_bucket" "staging" {
  count = var.image_builds ? 1 : 0

  bucket        = "${var.name}-staging-${data.aws_caller_identity.current.account_id}-${var.region}"
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "staging" {
  count = length(aws_s3_bucket.staging)

  bucket                  = aws_s3_bucket.staging[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "staging" {
  count = length(aws_s3_bucket.staging)

  bucket = aws_s3_bucket.staging[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_policy" "staging" {
  count = length(aws_s3_bucket.staging)

  bucket = aws_s3_bucket.staging[0].id
  policy = templatefile("${path.module}/policies/staging-bucket.json", {
    bucket_arn = aws_s3_bucket.staging[0].arn
  })

  depends_on = [aws_s3_bucket_public_access_block.staging]
}
