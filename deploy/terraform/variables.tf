variable "function_name" {
  description = "The name of the function, and so of the deployment: its statements are named sbx-NAME:..."
  type        = string
  default     = "tasker"
  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,52}$", var.function_name))
    error_message = "Use 1 to 52 letters, digits, hyphens and underscores."
  }
}

variable "package" {
  description = "Path of the package: a zip with bootstrap, standard.cwasm and, if there is one, the file that config_file names."
  type        = string
}

variable "architecture" {
  description = "The processor that the package was built for."
  type        = string
  default     = "x86_64"
  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "Use x86_64 or arm64."
  }
}

variable "memory_size" {
  description = "The memory of the function in MB."
  type        = number
  default     = 256
}

variable "log_level" {
  description = "DEBUG, INFO, WARNING or ERROR. Decision records are written at INFO."
  type        = string
  default     = "INFO"
}

variable "target" {
  description = "The target \"default\": a provisioned cluster. Null if config_file holds all targets."
  type = object({
    cluster_identifier = string
    database           = string
    db_user            = string
  })
  default = null
}

variable "config_file" {
  description = "The name of the configuration file in the package. Null if there is none."
  type        = string
  default     = null
}

variable "cluster_arns" {
  description = "Clusters that targets in config_file name."
  type        = list(string)
  default     = []
}

variable "database_login_arns" {
  description = "The dbuser and dbname ARNs that these targets connect with."
  type        = list(string)
  default     = []
}

variable "workgroup_arns" {
  description = "Serverless workgroups that targets in config_file name."
  type        = list(string)
  default     = []
}

variable "secret_arns" {
  description = "Secrets that targets in config_file name."
  type        = list(string)
  default     = []
}

variable "target_role_arns" {
  description = "Roles that targets in config_file assume."
  type        = list(string)
  default     = []
}

variable "state_machine_arns" {
  description = "State machines whose executions call the function. Empty for every standard state machine of the account and region."
  type        = list(string)
  default     = []
}

variable "teams" {
  description = "Teams that get an alias of their own."
  type        = set(string)
  default     = []
  validation {
    condition     = length(setintersection(var.teams, ["live", "sweep"])) == 0
    error_message = "The aliases live and sweep belong to the deployment."
  }
}

variable "policy_set_key" {
  description = "The manifest of the policy set in the policy bucket, such as live/set.toml. Null for none."
  type        = string
  default     = null
  validation {
    condition     = var.policy_set_key == null || can(regex("^[^/]+/[^/]+$", var.policy_set_key))
    error_message = "Name a file in one folder, such as live/set.toml."
  }
}

variable "records_location" {
  description = "BUCKET/PREFIX of the decision records, if config_file has [records] with a directory in S3. Null for none."
  type        = string
  default     = null
}

variable "existing_table_name" {
  description = "The table to use in place of one of this module: one restored to a point in time, or the original's."
  type        = string
  default     = null
}

variable "retention_days" {
  description = "How many days a record stays after the end of its task."
  type        = number
  default     = 1
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the table."
  type        = bool
  default     = true
}

variable "kms_key_arn" {
  description = "A key of your own for table, queues, bucket, log group and environment; docs/template.md has what its policy needs."
  type        = string
  default     = null
}

variable "other_key_arns" {
  description = "Keys of secrets, of state machines with a key of their own, of the bucket of decision records."
  type        = list(string)
  default     = []
}

variable "subnet_ids" {
  description = "Subnets of the function. Empty means outside of a VPC."
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "Security groups of the function in a VPC."
  type        = list(string)
  default     = []
}

variable "permissions_boundary_arn" {
  description = "The managed policy that bounds what the function's role may ever be allowed."
  type        = string
  default     = null
}

variable "code_signing_config_arn" {
  description = "A code signing configuration."
  type        = string
  default     = null
}

variable "queue_concurrency" {
  description = "How many batches of the queue the function works on at once: 2 to 1,000."
  type        = number
  default     = 10
}

variable "reserved_concurrency" {
  description = "Concurrency that is kept for the function, and its limit; -1 for neither. Never 1."
  type        = number
  default     = -1
  validation {
    condition     = var.reserved_concurrency != 1
    error_message = "With 1, starts, ends and the sweep would wait for each other."
  }
}

variable "page_topic_arn" {
  description = "The SNS topic that wakes somebody, for the alarm that tasks are not answered."
  type        = string
  default     = null
}

variable "alarm_topic_arn" {
  description = "The SNS topic for all other alarms."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "How many days the log is kept."
  type        = number
  default     = 365
}

variable "error_rate_percent" {
  description = "The share of invocations that may fail. A refused payload is a failed invocation."
  type        = number
  default     = 50
}
