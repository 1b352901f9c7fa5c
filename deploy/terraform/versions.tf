terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80, < 7.0"
    }
  }
}

data "aws_partition" "here" {}
data "aws_caller_identity" "here" {}

locals {
  partition = data.aws_partition.here.partition
  # Of both versions of the provider: the ARN of anything here begins like this.
  region  = split(":", aws_sqs_queue.dead_letters.arn)[3]
  account = data.aws_caller_identity.here.account_id
}
