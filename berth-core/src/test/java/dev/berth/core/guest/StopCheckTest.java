package dev.berth.core.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.ByteChannel;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class StopCheckTest {
  private long now = Duration.ofHours(1).toNanos();
  private long heard = now;
  private boolean reaches = true;
  private boolean seen;
  private int pings;

  private final Link link =
      new Link() {
        @Override
        public ByteChannel connect(Duration atMost) throws IOException {
          throw new IOException("not here");
        }

        @Override
        public boolean gone() {
          return false;
        }

        @Override
        public boolean stopped() {
          return seen;
        }

        @Override
        public boolean reaches(Duration atMost) {
          return reaches;
        }
      };

  private StopCheck check(long pid) {
    return new StopCheck(link, () -> now, pid, () -> heard, () -> pings++);
  }

  /** Looks again and again for so long, and says when the guest was found to be stopped. */
  private long looks(StopCheck check, int millis) throws InterruptedException {
    for (int passed = 0; passed < millis; passed += 400) {
      if (check.look()) {
        return passed;
      }
      now += Duration.ofMillis(400).toNanos();
    }
    return -1;
  }

  @Test
  void aGuestThatIsSilentBehindAWayThatAnswersIsStopped() throws Exception {
    assertThat(looks(check(7), 20_000)).isBetween(4_000L, 6_000L);
    assertThat(pings).isEqualTo(1);
  }

  @Test
  void aGuestThatAnswersInTimeIsNot() throws Exception {
    StopCheck check = check(7);
    for (int i = 0; i < 10; i++) {
      assertThat(looks(check, 3_500)).isNegative();
      heard = now;
    }
  }

  @Test
  void aCutIsNoStop() throws Exception {
    StopCheck check = check(7);
    reaches = false;
    assertThat(looks(check, 30_000)).as("a cut from the start").isNegative();
    reaches = true;
    assertThat(looks(check, 2_000)).as("it has just healed").isNegative();
    reaches = false;
    assertThat(looks(check, 30_000)).as("a cut while the guest is asked").isNegative();
    heard = now;
    reaches = true;
    assertThat(looks(check, 2_000)).isNegative();
  }

  @Test
  void whoeverIsFirstInItsNamespaceCannotBeStopped() throws Exception {
    assertThat(looks(check(1), 60_000)).isNegative();
  }

  @Test
  void aProcessThatIsSeenToBeStoppedIsBelieved() throws Exception {
    StopCheck check = check(1);
    seen = true;
    assertThat(looks(check, 5_000)).isEqualTo(800);
    seen = false;
    assertThat(check.look()).isFalse();
    seen = true;
    assertThat(check.look()).as("it went on in between").isFalse();
    heard = now += 1;
    now += Duration.ofMinutes(1).toNanos();
    assertThat(check.look()).as("it has spoken in between").isFalse();
  }
}
