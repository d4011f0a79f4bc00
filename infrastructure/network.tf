# The VPC of the tasks. Nothing of it is made with network = existing.

locals {
  own_vpc = var.network != "existing"
  zones   = local.own_vpc ? slice(data.aws_availability_zones.here.names, 0, var.zones) : []

  vpc_id  = local.own_vpc ? aws_vpc.tasks[0].id : var.existing_vpc_id
  subnets = local.own_vpc ? aws_subnet.tasks[*].id : var.existing_subnet_ids

  assign_public_ip = var.network == "public" || (var.network == "existing" && var.existing_assign_public_ip)
}

data "aws_availability_zones" "here" {
  state = "available"

  # Local zones, which have no Fargate, are opted into; zones of the region itself are not.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

resource "aws_vpc" "tasks" {
  count = local.own_vpc ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

# Whoever forgets to name a security group gets none of its rules.
resource "aws_default_security_group" "closed" {
  count = local.own_vpc ? 1 : 0

  vpc_id = aws_vpc.tasks[0].id
  tags   = { Name = "${var.name}-unused" }
}

# One per zone; in each the tasks' addresses, 3/4 of the block being theirs.
resource "aws_subnet" "tasks" {
  count = length(local.zones)

  vpc_id            = aws_vpc.tasks[0].id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(var.vpc_cidr, 3, count.index)
  tags              = { Name = "${var.name}-${local.zones[count.index]}" }

  # Addresses are asked for task by task (assign_public_ip).
  map_public_ip_on_launch = false
}

resource "aws_internet_gateway" "out" {
  count = local.own_vpc ? 1 : 0

  vpc_id = aws_vpc.tasks[0].id
  tags   = { Name = var.name }
}

resource "aws_route_table" "tasks" {
  count = local.own_vpc ? 1 : 0

  vpc_id = aws_vpc.tasks[0].id
  tags   = { Name = "${var.name}-tasks" }
}

resource "aws_route_table_association" "tasks" {
  count = length(local.zones)

  subnet_id      = aws_subnet.tasks[count.index].id
  route_table_id = aws_route_table.tasks[0].id
}

resource "aws_route" "public" {
  count = var.network == "public" ? 1 : 0

  route_table_id         = aws_route_table.tasks[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.out[0].id
}

# Costs nothing, and the layers of images come this way and not through NAT.
resource "aws_vpc_endpoint" "s3" {
  count = local.own_vpc ? 1 : 0

  vpc_id            = aws_vpc.tasks[0].id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.tasks[0].id]
  tags              = { Name = "${var.name}-s3" }
}
