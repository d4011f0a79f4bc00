package dev.berth.fargate;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import software.amazon.awssdk.services.ec2.model.Filter;
import software.amazon.awssdk.services.ec2.model.IpPermission;
import software.amazon.awssdk.services.ec2.model.Route;
import software.amazon.awssdk.services.ec2.model.RouteState;
import software.amazon.awssdk.services.ec2.model.RouteTable;
import software.amazon.awssdk.services.ec2.model.SecurityGroup;
import software.amazon.awssdk.services.ec2.model.Subnet;
import software.amazon.awssdk.services.ec2.model.VpcEndpoint;

/**
 * Looks at where tasks are put: that the subnets are there, that a task finds its way out to what
 * starts it, and that this host finds its way in to sshd.
 */
final class NetworkCheck {
  private static final String ANYWHERE = "0.0.0.0/0";
  private static final int HTTPS = 443;

  private final FargateConfig config;
  private final Aws aws;
  private final Examination seen;
  private final boolean publicAddresses;

  NetworkCheck(Place place, Examination seen) {
    this.config = place.config();
    this.aws = place.aws();
    this.seen = seen;
    this.publicAddresses = Boolean.TRUE.equals(config.assignPublicIp());
  }

  void examine() {
    if (config.subnets().isEmpty() || config.securityGroups().isEmpty()) {
      seen.failure(
          "subnets",
          "subnets or security_groups are not set",
          "Set both, in the configuration or in the discovered SSM parameter.");
      return;
    }
    seen.looked(
        "subnets", "ec2:DescribeSubnets", this::subnets, "Name subnets that exist in this region.");
  }

  private void subnets() {
    List<Subnet> subnets =
        aws.ec2().describeSubnets(ask -> ask.subnetIds(config.subnets())).subnets();
    Set<String> vpcs = new TreeSet<>();
    List<String> full = new ArrayList<>();
    for (Subnet subnet : subnets) {
      vpcs.add(subnet.vpcId());
      Integer left = subnet.availableIpAddressCount();
      if (left != null && left == 0) {
        full.add(subnet.subnetId());
      }
    }
    if (vpcs.size() != 1) {
      seen.failure("subnets", "they are of several VPCs: " + vpcs, "Name subnets of one VPC.");
      return;
    }
    if (!full.isEmpty()) {
      seen.warning(
          "subnets",
          "no address is left in " + String.join(", ", full) + "; each task needs one",
          "End tasks, or name larger subnets.");
    } else {
      seen.ok("subnets", subnets.size() + " of " + vpcs.iterator().next());
    }
    String vpc = vpcs.iterator().next();
    seen.looked(
        "way out",
        "ec2:DescribeRouteTables and ec2:DescribeVpcEndpoints",
        () -> wayOut(vpc, subnets),
        "Look at the VPC's route tables and endpoints.");
    seen.looked(
        "way in",
        "ec2:DescribeSecurityGroups",
        () -> groups(vpc),
        "Name security groups that exist in the subnets' VPC.");
  }

  private void wayOut(String vpc, List<Subnet> subnets) {
    List<RouteTable> tables =
        aws.ec2().describeRouteTables(ask -> ask.filters(ofVpc(vpc))).routeTables();
    List<String> ways = new ArrayList<>();
    boolean fails = false;
    for (Subnet subnet : subnets) {
      String id = subnet.subnetId();
      Route route = out(tables, id);
      boolean gateway = route != null && starts(route.gatewayId(), "igw-");
      if (publicAddresses && !gateway) {
        fails = true;
        seen.failure(
            "way out",
            "assign_public_ip is set, but " + id + " has no route to an internet gateway",
            "Name subnets with a route for 0.0.0.0/0 to an internet gateway, or set"
                + " assign_public_ip to false and reach the tasks within the VPC.");
      } else if (gateway && !publicAddresses || route == null) {
        List<String> missing = missingEndpoints(vpc);
        if (missing.isEmpty()) {
          ways.add(id + " by VPC endpoints");
          continue;
        }
        fails = true;
        seen.failure(
            "way out",
            gateway
                ? id + " goes out by an internet gateway, but tasks get no public address there"
                : id + " has no way out, and its VPC no endpoint for " + String.join(", ", missing),
            gateway
                ? "Set assign_public_ip to true, or name subnets that go out by a NAT gateway."
                : "Give its route table a route for 0.0.0.0/0, or the VPC these endpoints: a task"
                    + " needs them to start.");
      } else {
        ways.add(id + " by " + target(route));
      }
    }
    if (!fails) {
      seen.ok("way out", String.join(", ", ways));
    }
  }

  /** The route to everywhere, of the subnet's own table or the VPC's main one; null: none works. */
  private static @Nullable Route out(List<RouteTable> tables, String subnet) {
    RouteTable found = null;
    for (RouteTable table : tables) {
      boolean own = table.associations().stream().anyMatch(each -> subnet.equals(each.subnetId()));
      boolean main =
          table.associations().stream().anyMatch(each -> Boolean.TRUE.equals(each.main()));
      if (own || main && found == null) {
        found = table;
      }
      if (own) {
        break;
      }
    }
    return found == null
        ? null
        : found.routes().stream()
            .filter(route -> ANYWHERE.equals(route.destinationCidrBlock()))
            .filter(route -> route.state() != RouteState.BLACKHOLE)
            .findFirst()
            .orElse(null);
  }

  private static String target(Route route) {
    for (String id :
        new String[] {
          route.gatewayId(),
          route.natGatewayId(),
          route.transitGatewayId(),
          route.networkInterfaceId(),
          route.vpcPeeringConnectionId()
        }) {
      if (id != null) {
        return id;
      }
    }
    return "a route of another kind";
  }

  /** What ECS calls from the task's own network while it starts. */
  private List<String> missingEndpoints(String vpc) {
    Set<String> wanted = new TreeSet<>(List.of("ecr.api", "ecr.dkr", "s3", "secretsmanager"));
    if (config.logGroup() != null) {
      wanted.add("logs");
    }
    for (VpcEndpoint endpoint :
        aws.ec2().describeVpcEndpoints(ask -> ask.filters(ofVpc(vpc))).vpcEndpoints()) {
      if (endpoint.serviceName() != null
          && "available".equalsIgnoreCase(endpoint.stateAsString())) {
        String name = endpoint.serviceName();
        String prefix = "." + aws.region() + ".";
        int at = name.indexOf(prefix);
        wanted.remove(at < 0 ? name : name.substring(at + prefix.length()));
      }
    }
    return List.copyOf(wanted);
  }

  private void groups(String vpc) {
    List<SecurityGroup> groups =
        aws.ec2()
            .describeSecurityGroups(ask -> ask.groupIds(config.securityGroups()))
            .securityGroups();
    for (SecurityGroup group : groups) {
      if (!vpc.equals(group.vpcId())) {
        seen.failure(
            "way in",
            group.groupId() + " is of " + group.vpcId() + ", the subnets of " + vpc,
            "Name security groups of the subnets' VPC.");
        return;
      }
    }
    SshSidecarConfig sidecar = config.sshSidecar();
    int port = (sidecar == null ? SshSidecarConfig.DEFAULT : sidecar).sshdPort();
    if (groups.stream().noneMatch(group -> covers(group.ipPermissionsEgress(), HTTPS))) {
      seen.failure(
          "way out",
          "no security group lets a task out to port 443, so it gets neither image nor secret",
          "Add an outbound rule for TCP 443.");
    }
    List<IpPermission> letting =
        groups.stream()
            .flatMap(group -> group.ipPermissions().stream())
            .filter(rule -> covers(List.of(rule), port))
            .toList();
    if (letting.isEmpty()) {
      seen.failure(
          "way in",
          "no security group lets anybody reach TCP port " + port + ", where sshd listens",
          "Add an inbound rule for it, from this host's address.");
      return;
    }
    said(port, new Sources(letting));
  }

  private void said(int port, Sources from) {
    if (from.anywhere()) {
      seen.warning(
          "way in",
          "the whole Internet may reach TCP port " + port + "; only the key keeps it out",
          "Let in this host's addresses alone.");
    } else if (from.here()) {
      seen.ok("way in", "TCP port " + port + " is open to " + from + ", and so to this host");
    } else if (publicAddresses || from.named()) {
      seen.ok(
          "way in",
          "TCP port "
              + port
              + " is open to "
              + from
              + "; whether AWS sees this host among them cannot be told from here");
    } else {
      seen.warning(
          "way in",
          "TCP port " + port + " is open to " + from + ", and no address of this host is of these",
          "Add a rule for this host's address, unless it is another as the VPC sees it.");
    }
  }

  private static boolean covers(List<IpPermission> rules, int port) {
    return rules.stream()
        .anyMatch(rule ->
            "-1".equals(rule.ipProtocol())
                || Set.of("tcp", "6").contains(String.valueOf(rule.ipProtocol()))
                    && rule.fromPort() != null
                    && rule.toPort() != null
                    && rule.fromPort() <= port
                    && port <= rule.toPort());
  }

  private static boolean starts(@Nullable String id, String prefix) {
    return id != null && id.startsWith(prefix);
  }

  private static Filter ofVpc(String vpc) {
    return Filter.builder().name("vpc-id").values(vpc).build();
  }
}
