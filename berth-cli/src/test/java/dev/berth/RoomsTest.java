package dev.berth;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** What each room may know of the others. */
@AnalyzeClasses(packages = "dev.berth", importOptions = ImportOption.DoNotIncludeTests.class)
class RoomsTest {
  @ArchTest
  static final ArchRule theApiKnowsTheJdkAlone =
      classes()
          .that()
          .resideInAnyPackage("dev.berth", "dev.berth.spi")
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage("java..", "org.jspecify..", "dev.berth", "dev.berth.spi");

  @ArchTest
  static final ArchRule theApiDoesNoIo =
      noClasses()
          .that()
          .resideInAnyPackage("dev.berth", "dev.berth.spi")
          .should()
          .dependOnClassesThat()
          .haveNameMatching(
              "java\\.nio\\.file\\.Files|java\\.nio\\.channels\\..*|java\\.net\\.(Socket|http).*|java\\.lang\\.ProcessBuilder");

  @ArchTest
  static final ArchRule theCoreKnowsNoProvider =
      noClasses()
          .that()
          .resideInAPackage("dev.berth.core..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.berth.local..", "dev.berth.apptainer..", "dev.berth.cli..", "dev.berth.bench..");

  @ArchTest
  static final ArchRule theGuestsHostSideKnowsNoFolders =
      noClasses()
          .that()
          .resideInAPackage("dev.berth.core.guest..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.berth.core.state..",
              "dev.berth.core.launch..",
              "dev.berth.core.image..",
              "dev.berth.core.config..");

  @ArchTest
  static final ArchRule onlyTheCliEndsTheJvm =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.berth.cli..")
          .and()
          .resideOutsideOfPackage("dev.berth.testkit..")
          .should()
          .callMethod(System.class, "exit", int.class);

  @ArchTest
  static final ArchRule onlyTheCliAndTheBenchmarkPrint =
      noClasses()
          .that()
          .resideOutsideOfPackages("dev.berth.cli..", "dev.berth.bench..", "dev.berth.testkit..")
          .should()
          .accessField(System.class, "out")
          .orShould()
          .accessField(System.class, "err");

  @ArchTest
  static final ArchRule noCircles =
      slices().matching("dev.berth.core.(*)..").should().beFreeOfCycles();
}
