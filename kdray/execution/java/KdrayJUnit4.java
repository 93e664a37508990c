import java.lang.reflect.Method;
import java.util.function.BiFunction;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.Request;
import org.junit.runner.Result;
import org.junit.runner.manipulation.Filter;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/** Runs a test by JUnit 4, and those of JUnit 3; a parametrised one with every set of its parameters. */
public final class KdrayJUnit4 implements BiFunction<Class<?>, Method, Object> {
    @Override
    public Object apply(Class<?> type, Method method) {
        JUnitCore core = new JUnitCore();
        int[] passedOver = {0};
        core.addListener(new RunListener() {
            @Override
            public void testAssumptionFailure(Failure failure) {
                passedOver[0]++;
            }
        });
        Result result = core.run(Request.aClass(type).filterWith(new Named(method.getName())));
        for (Failure failure : result.getFailures()) {
            boolean isAbsent = failure.getDescription().getMethodName() == null
                    || failure.getDescription().getMethodName().equals("initializationError");
            return isAbsent && failure.getMessage() != null && failure.getMessage().startsWith("No tests found")
                    ? "absent" : failure.getException();
        }
        if (result.getRunCount() == 0) {
            return result.getIgnoreCount() > 0 ? "skipped" : "absent";
        }
        return passedOver[0] == result.getRunCount() ? "skipped" : null;
    }

    private static final class Named extends Filter {
        private final String name;

        Named(String name) {
            this.name = name;
        }

        @Override
        public boolean shouldRun(Description description) {
            if (description.isTest()) {
                String own = description.getMethodName();
                return own != null && (own.equals(name) || own.startsWith(name + "["));
            }
            return description.getChildren().stream().anyMatch(this::shouldRun);
        }

        @Override
        public String describe() {
            return name;
        }
    }
}
