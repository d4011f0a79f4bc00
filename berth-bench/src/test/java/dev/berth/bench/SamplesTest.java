package dev.berth.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SamplesTest {
  @Test
  void quantilesAreValuesThatWereSeen() {
    Samples samples = new Samples();
    samples.add(5, 1, 4);
    samples.add(2, 3);
    assertThat(samples.count()).isEqualTo(5);
    assertThat(samples.quantile(0.5)).isEqualTo(3);
    assertThat(samples.quantile(0.1)).isEqualTo(1);
    assertThat(samples.quantile(0.99)).isEqualTo(5);
  }

  @Test
  void withoutValuesThereIsNoQuantile() {
    assertThat(new Samples().quantile(0.5)).isNaN();
  }

  @Test
  void timesCompareTheOthersMedianWithBerths() {
    Samples berth = new Samples();
    Samples other = new Samples();
    for (int round = 1; round <= 10; round++) {
      berth.add(1, 2, 3);
      other.add(10 * round);
    }
    Comparison comparison = Comparison.ofTimes("other", berth, other, 20);
    assertThat(comparison.ratio()).isEqualTo(25);
    assertThat(comparison.low()).isEqualTo(5);
    assertThat(comparison.high()).isEqualTo(45);
    assertThat(comparison.reached()).isTrue();
  }

  @Test
  void ratesCompareBerthsMedianWithTheOthers() {
    Samples berth = new Samples();
    Samples other = new Samples();
    berth.add(1000);
    other.add(20);
    Comparison comparison = Comparison.ofRates("other", berth, other, 51);
    assertThat(comparison.ratio()).isEqualTo(50);
    assertThat(comparison.reached()).isFalse();
  }
}
