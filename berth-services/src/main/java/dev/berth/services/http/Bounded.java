package dev.berth.services.http;

import java.io.IOException;
import java.io.OutputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import org.jspecify.annotations.Nullable;

/** Takes a body into a stream up to a limit, and breaks off beyond it. */
final class Bounded implements HttpResponse.BodySubscriber<OutputStream> {
  private final OutputStream to;
  private final long limit;
  private final CompletableFuture<OutputStream> done = new CompletableFuture<>();
  private Flow.@Nullable Subscription subscription;
  private long taken;

  Bounded(OutputStream to, long limit) {
    this.to = to;
    this.limit = limit;
  }

  /** The body is beyond the limit. */
  static final class Exceeded extends IOException {
    private static final long serialVersionUID = 1L;
  }

  @Override
  public CompletionStage<OutputStream> getBody() {
    return done;
  }

  @Override
  public void onSubscribe(Flow.Subscription from) {
    subscription = from;
    from.request(1);
  }

  @Override
  public void onNext(List<ByteBuffer> buffers) {
    Flow.Subscription from = subscription;
    if (from == null || done.isDone()) {
      return;
    }
    try {
      for (ByteBuffer buffer : buffers) {
        taken += buffer.remaining();
        if (taken > limit) {
          throw new Exceeded();
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        to.write(bytes);
      }
      from.request(1);
    } catch (IOException e) {
      from.cancel();
      done.completeExceptionally(e);
    }
  }

  @Override
  public void onError(Throwable cause) {
    done.completeExceptionally(cause);
  }

  @Override
  public void onComplete() {
    done.complete(to);
  }
}
