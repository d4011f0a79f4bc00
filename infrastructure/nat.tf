# The way out of tasks without public addresses: one NAT gateway, in a subnet of its own.

resource "aws_subnet" "nat" {
  count = var.network == "private" ? 1 : 0

  vpc_id            = aws_vpc.tasks[0].id
  availability_zone = local.zones[0]
  cidr_block        = cidrsubnet(var.vpc_cidr, 4, 15)
  tags              = { Name = "${var.name}-nat" }
}

resource "aws_route_table" "nat" {
  count = var.network == "private" ? 1 : 0

  vpc_id = aws_vpc.tasks[0].id
  tags   = { Name = "${var.name}-nat" }
}

resource "aws_route_table_association" "nat" {
  count = var.network == "private" ? 1 : 0

  subnet_id      = aws_subnet.nat[0].id
  route_table_id = aws_route_table.nat[0].id
}

resource "aws_route" "nat_out" {
  count = var.network == "private" ? 1 : 0

  route_table_id         = aws_route_table.nat[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.out[0].id
}

resource "aws_eip" "nat" {
  count = var.network == "private" ? 1 : 0

  domain = "vpc"
  tags   = { Name = "${var.name}-nat" }
}

resource "aws_nat_gateway" "out" {
  count = var.network == "private" ? 1 : 0

  allocation_id = aws_eip.nat[0].id
  subnet_id     = aws_subnet.nat[0].id
  tags          = { Name = var.name }

  depends_on = [aws_route.nat_out]
}

resource "aws_route" "private" {
  count = var.network == "private" ? 1 : 0

  route_table_id         = aws_route_table.tasks[0].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.out[0].id
}
