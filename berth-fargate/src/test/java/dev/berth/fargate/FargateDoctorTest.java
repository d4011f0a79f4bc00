package dev.berth.fargate;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the doctor makes of texts. */
class FargateDoctorTest {
  @ParameterizedTest
  @CsvSource({
    "10.1.2.3, 10.0.0.0/8, true",
    "10.1.2.3, 10.1.2.3/32, true",
    "10.1.2.3, 10.1.2.4/32, false",
    "10.1.2.3, 0.0.0.0/0, true",
    "10.1.2.3, 10.1.2.128/25, false",
    "10.1.2.3, 2001:db8::/32, false",
    "2001:db8::7, 2001:db8::/32, true",
    "2001:db9::7, 2001:db8::/32, false",
    "2001:db8::7, 10.0.0.0/8, false",
    "10.1.2.3, 10.0.0.0/99, false",
    "10.1.2.3, name.example/8, false"
  })
  void anAddressIsWithinABlockOrNot(String address, String block, boolean within) throws Exception {
    assertThat(Sources.within(InetAddress.getByName(address), block)).isEqualTo(within);
  }

  @Test
  void aTrustPolicyNamesItsServices() {
    String service = "ecs-tasks.amazonaws.com";
    assertThat(RoleCheck.trusts(Terraform.text("policies/trust-ecs-tasks.json"), service)).isTrue();
    assertThat(RoleCheck.trusts(Terraform.text("policies/trust-codebuild.json"), service))
        .isFalse();
    assertThat(
            RoleCheck.trusts(
                """
                {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
                 "Principal": {"Service": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]}}}
                """,
                service))
        .isTrue();
    assertThat(
            RoleCheck.trusts(
                """
                {"Statement": {"Effect": "Deny", "Action": "sts:AssumeRole",
                 "Principal": {"Service": "ecs-tasks.amazonaws.com"}}}
                """,
                service))
        .isFalse();
    assertThat(RoleCheck.trusts("no JSON", service)).isFalse();
  }
}
