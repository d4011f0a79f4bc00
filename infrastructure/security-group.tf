# Hosts reach sshd of the sidecars, and nothing else comes in.
resource "aws_security_group" "tasks" {
  name_prefix = "${var.name}-"
  description = "Sandboxes: sshd from the hosts, and the way out"
  vpc_id      = local.vpc_id
  tags        = { Name = var.name }

  ingress {
    description = "sshd of the sidecar, from the hosts that run Berth"
    protocol    = "tcp"
    from_port   = var.sshd_port
    to_port     = var.sshd_port
    cidr_blocks = var.host_cidrs
  }

  egress {
    description = "Where sandboxes may go"
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = var.egress_cidrs
  }

  lifecycle {
    # A group in use cannot be deleted; its successor comes first.
    create_before_destroy = true

    precondition {
      condition     = local.own_vpc || (var.existing_vpc_id != null && length(var.existing_subnet_ids) > 0)
      error_message = "network = existing needs existing_vpc_id and existing_subnet_ids."
    }
  }
}
