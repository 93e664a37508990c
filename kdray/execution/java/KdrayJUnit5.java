import static org.junit.platform.engine.discovery.DiscoverySelectors.selectMethod;

import java.lang.reflect.Method;
import java.util.function.BiFunction;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs a test by the launcher of JUnit 5; a parametrised one with every set of its parameters. */
public final class KdrayJUnit5 implements BiFunction<Class<?>, Method, Object> {
    @Override
    public Object apply(Class<?> type, Method method) {
        LauncherDiscoveryRequest request =
                LauncherDiscoveryRequestBuilder.request().selectors(selectMethod(type, method)).build();
        Watch watch = new Watch();
        LauncherFactory.create().execute(request, watch);
        if (watch.raised != null) {
            return watch.raised;
        }
        if (watch.passed > 0) {
            return null;
        }
        return watch.skipped > 0 ? "skipped" : "absent";
    }

    private static final class Watch implements TestExecutionListener {
        private int passed;
        private int skipped;
        private Throwable raised;

        @Override
        public void executionSkipped(TestIdentifier test, String reason) {
            skipped++;
        }

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            if (result.getStatus() == TestExecutionResult.Status.FAILED && raised == null) {
                raised = result.getThrowable().orElseGet(AssertionError::new);
            } else if (result.getStatus() == TestExecutionResult.Status.ABORTED) {
                skipped++;
            } else if (test.isTest() && result.getStatus() == TestExecutionResult.Status.SUCCESSFUL) {
                passed++;
            }
        }
    }
}
